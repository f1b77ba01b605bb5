"""The public models: SkipGram and SoftmaxModel, their files, checkpoints and reports."""
