# Added to rotator.hcl where `patchbay keys destroy` may destroy a tenant's key. That makes everything sealed under it
# unreadable for ever, backups included, so some give this to a person instead. Never give it to the server.

# The switch that allows deletion beside what rotator.hcl allows there: policies for the same path are taken together
# parameter by parameter. Not `exportable`, not `allow_plaintext_backup`.
path "transit/keys/+/config" {
  capabilities = ["create", "update"]
  allowed_parameters = {
    "deletion_allowed" = [true]
  }
}

path "transit/keys/+" {
  capabilities = ["read", "delete"]
}

# Keep its own token alive.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}
