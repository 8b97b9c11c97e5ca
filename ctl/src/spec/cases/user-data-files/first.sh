echo nobody runs me
