"""What goes before a deployment and needs neither CDK nor Node: the check, and the layer."""
