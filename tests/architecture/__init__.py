"""What the tests of the house are made of: its rules as tables, and checkers that return complaints.

    rules       who may import whom, and the exceptions to every other rule, each with its reason
    sources     files of the package, what they import, the files that these imports lead to
    imports     imports that no rule allows, circles, foreign packages, pickle
    names       private names of one folder used in another
    sizes       files, classes and functions that are too long; docstrings that are missing
    plain       kernels, compiler flags, paths of somebody's machine
    documents   tables, walks and paths in README.md, CONTRIBUTING.md and docs/

A checker takes the folder or the text that it reads as an argument, so that tests can plant breaches for it.
"""
