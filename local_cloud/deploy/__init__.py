"""``local-cloud deploy``: a SAM or CloudFormation template as a stack of the running cloud.

Functions and layers are deployed by reference to their folders: nothing is packed, what they
require is installed as it is for the cloud's own, and a changed file takes effect with the next
invocation.
"""
