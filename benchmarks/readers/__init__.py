"""How each library reads one secret, used as its documentation says."""
