#!/bin/sh
mkdir -p /var/lib/mission
