"""From published or generated data to ``Example`` records; one reader a data set."""
