"""The actions of the service, one module each."""
