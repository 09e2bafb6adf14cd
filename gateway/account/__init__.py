"""What happened: counters and histograms of the workers as metrics, and the access log's file."""
