# What a running Patchbay may do with the transit engine, mounted at `transit/`: make tenants' keys, and let them make and
# unwrap data keys. It can neither read nor export a tenant's key, nor rotate, change or destroy one (rotator.hcl and
# destroy.hcl are another identity's), and it has no way to any other engine.

# Make a tenant's key: derived, AES-256-GCM and nothing else. Making one that exists changes nothing.
path "transit/keys/+" {
  capabilities = ["create", "update"]
  allowed_parameters = {
    "type"    = ["aes256-gcm96"]
    "derived" = [true]
  }
  required_parameters = ["type", "derived"]
}

# Data keys. `update` only: with `create`, a call for a tenant that has no key would make one.
path "transit/datakey/plaintext/+" {
  capabilities = ["update"]
}

path "transit/decrypt/+" {
  capabilities = ["update"]
}

# Denied even if another policy of the same token allows it; that holds for the same path and less exact ones.
path "transit/export/+/+" {
  capabilities = ["deny"]
}

path "transit/backup/+" {
  capabilities = ["deny"]
}

path "transit/keys/+/rotate" {
  capabilities = ["deny"]
}

# Keep its own token alive.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}
