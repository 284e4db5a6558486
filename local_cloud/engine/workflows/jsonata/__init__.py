"""JSONata in workflows, without Java.

LocalStack hands its expressions, with every value written into them as text, to a Java library that
it downloads. Here a Rust library evaluates them, and values are bound.
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""
