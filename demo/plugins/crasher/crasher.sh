#!/bin/sh
# Writes down what it hears, and dies of every PaymentDeclined. `read` takes one byte at a time, so what this process
# has not come to yet is still in its pipe: the daemon hands it to the next one.
while IFS= read -r event; do
    printf '%s\n' "$event" >>heard.ndjson
    case $event in
    *'"code":"PaymentDeclined"'*)
        echo "<4>PaymentDeclined: that is too much for me" >&2
        kill -s SEGV $$
        ;;
    esac
done
