"""An operator's rehearsal before going live: what its traffic holds against the contract."""
