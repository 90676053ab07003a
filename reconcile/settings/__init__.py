"""What a site has decided in its run file: thresholds, severities, scope, and who may do what."""
