# What `patchbay keys status | rotate | retire` may do, with an identity of its own (keys.vault.rotator): see which versions a
# tenant's key has, add one, rewrap data keys, and retire old versions. It sees nothing that is sealed: it can neither decrypt
# nor have a data key in the clear.

# Which versions there are. For keys of this type the answer holds no key.
path "transit/keys/+" {
  capabilities = ["read"]
}

path "transit/keys/+/rotate" {
  capabilities = ["update"]
}

# Retire old versions, and nothing else about a key: not `exportable`, not `allow_plaintext_backup`, not `deletion_allowed`.
path "transit/keys/+/config" {
  capabilities = ["create", "update"]
  allowed_parameters = {
    "min_decryption_version" = []
    "min_encryption_version" = []
  }
}

path "transit/rewrap/+" {
  capabilities = ["update"]
}

# A new data key in its wrapped form alone.
path "transit/datakey/wrapped/+" {
  capabilities = ["update"]
}

# Denied even if another policy of the same token allows it; that holds for the same path and less exact ones.
path "transit/decrypt/+" {
  capabilities = ["deny"]
}

path "transit/datakey/plaintext/+" {
  capabilities = ["deny"]
}

path "transit/export/+/+" {
  capabilities = ["deny"]
}

path "transit/backup/+" {
  capabilities = ["deny"]
}

# Keep its own token alive.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}
