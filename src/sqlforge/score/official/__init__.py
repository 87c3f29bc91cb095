"""Spider's official evaluation, rule by rule, so that its published numbers come out again."""
