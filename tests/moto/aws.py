"""Runs commands of the AWS CLI, all in one process: a JSON list of their arguments comes in, a JSON list of their answers
goes out. A command that fails ends it with what the CLI says."""

import contextlib
import io
import json
import sys

from awscli.clidriver import create_clidriver


def main() -> None:
    answers = []
    driver = create_clidriver()
    for arguments in json.load(sys.stdin):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            code = driver.main([*arguments, "--output", "json"])
        if code:
            sys.exit(f"aws {' '.join(arguments)}: exit code {code}")
        answers.append(json.loads(output.getvalue() or "null"))
    json.dump(answers, sys.stdout)


main()
