"""``awslocal``: the AWS CLI, pointed at the local cloud.

A start of the AWS CLI takes four times as long as what it is started for, nearly all of it imports.
A running cloud keeps a process that has made them: ``front`` hands a command over, ``server`` forks
for each, and ``command`` runs it, there or where nobody can take it.
"""
