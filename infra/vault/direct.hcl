# Added to server.hcl where `keys.sealing = "direct"`: then values themselves are sealed by the transit engine. `update` only:
# with `create`, a value of a tenant that has no key would make one.
path "transit/encrypt/+" {
  capabilities = ["update"]
}
