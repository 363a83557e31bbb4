"""The parts of `make_corpus.py`: large log corpora of an invented fleet.

`fleet` is who there is (hosts, users, names on the network), `programs` what runs on the hosts, `kinds` which Windows
events there are, `activity` and `security` how they happen, `shapes` how collectors write them, `network` the text logs,
`output` workers and files, `multiply` real captures under new names.
"""
