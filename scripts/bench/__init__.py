"""The parts of `bench_ingest.py`: `measure` runs a command and looks at it, `inputs` makes the corpora, `contenders`
knows the commands of ours and of the peers, `memory` streams growing inputs."""
