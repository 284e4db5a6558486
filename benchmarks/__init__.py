"""How fast the cloud is: ``./local-cloud bench``."""
