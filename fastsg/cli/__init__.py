"""The command line.

    main -> the commands: their flags, what they do
              train, dry_run             train, and what it would take; its flags are in train_flags
              launch                     train under mpiexec, again and again
              word2vec                   train, by the command line of word2vec.c
              corpora, count             vocab and encode; count
              query, judging             nn, predict and info; eval and analogies
              convert                    vectors from one format into another
              verify                     whether files are still what was written
              walk                       walks on a graph
              explore, plot              vectors as a page for the browser; pictures
              demo, completion
         -> what they share
              flags                      parsers, and settings as flags; declared once
              ranks                      the processes that mpiexec has started
              reading, vector_files      texts and encoded corpora, and vectors, to read
              projecting                 how vectors become points of a map
              outputs                    files to write: checked before the work, written after it
              epochs, summary, advice    how a training goes and went, and what to do next
              terminal, columns          printable words, errors, prompts, signals; widths and styles

A command is a function from parsed arguments to an exit code. It checks all it can before the work begins,
uses the public names of the other folders, and raises what went wrong; :func:`main` prints that as one line.
Nothing imports this folder.
"""

from .main import build_parser, main, parse

__all__ = ["build_parser", "main", "parse"]
