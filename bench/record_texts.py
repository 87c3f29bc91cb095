"""What ``docs/record.md`` says around its tables."""

HEAD = """<!-- made by bench/record.py --table out of docs/results/record.json: do not edit -->
# The record run

What SmolLM2-135M becomes on public data, on one H100: `recipes/smollm2-135m-record.yaml`, trained
on Spider train, WikiSQL train, the Spider train part of sql-create-context as far as its audit and
the duplicates of Spider leave it, and the synthetic corpus. A cell that says "not yet measured" has
no row in `docs/results/record.json` yet. Everything is chosen by the ablations below, on databases
held out of Spider *train*; Spider dev is looked at once a final configuration.

Others, as published or told, not measured here: T5-base (220 M parameters) 60.0 % execution
accuracy on Spider dev, Qwen2.5-Coder-0.5B after plain fine-tuning 39.2 %, a naive four-minute full
fine-tuning of SmolLM2-135M 25.0 %; a 7 B QLoRA write-up 28.19 % on WikiSQL test, and 87.0 % exact
match on an internal split of its own (valid SQL 97.4 %), whose 500 examples took it 1,173 s. We
know of no decoder-only model this small on Spider.

Execution accuracy where nothing else is said, Spider's by its official rules, WikiSQL's by its own,
decoded under the schema constraint where nothing else is said. "WikiSQL held-out tables" is not the
official test split, whose rows are not at hand. The 500-example evaluation is that of the internal
split below, greedy, unconstrained, loading excluded. Intervals are 95 %.
"""
INTERNAL = """## The internal split

500 questions, a third a source, of databases, tables and questions that training has not seen; the
prompt shows the columns that the gold uses, as sql-create-context does, and nothing of the rows.
Exact match is of canonical SQL (keywords, names, quotes and white space normalised, literals as
they are). The base is asked in three ways: plainly, with an instruction, with three shots. The
table is of the first of the whole trainings above.
"""
SLICES = """## What is hard

Hardness is the official one; tables are those of the gold query; columns are those of the database;
a column is spelt where all words of its name are among the question's.
"""
ABLATIONS = """## What was tried

One change at a time against `recipes/ablations/base.yaml`, a short training. All are asked the same
900 questions on databases held out of Spider train, and 300 on tables held out of WikiSQL train;
p is McNemar's, exact, and of one training each: it does not say what another seed would have given.
What did not help stays here. Seconds are of as many trainings at once on one card as
`docs/results/record.json` says under `at_once`; reinforcement counts as training.
"""
TAIL = """## Again

```console
$ make record     # on a machine with a GPU
```

It prepares, runs every ablation, trains `recipes/{recipe}` with two seeds, asks, judges and writes
this page. In pieces, each of which goes on where it was cut off: `bench/record.py` says how.
What ran when, on which card and commit, is in `docs/results/record.json` under `measured`."""
