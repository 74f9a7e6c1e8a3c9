# Added to server.hcl where Patchbay itself may delete tenants. Destroying a tenant's key makes everything sealed under it
# unreadable for ever, backups included, so some give this to a person instead.

# Only the switch that allows deletion: not `exportable`, not `allow_plaintext_backup`, not the minimum versions.
path "transit/keys/+/config" {
  capabilities = ["create", "update"]
  allowed_parameters = {
    "deletion_allowed" = [true]
  }
}

path "transit/keys/+" {
  capabilities = ["create", "update", "delete"]
  allowed_parameters = {
    "type"    = ["aes256-gcm96"]
    "derived" = [true]
  }
}
