"""From a queued job to files on disk: submit, poll and download for one job or many."""
