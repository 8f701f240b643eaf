"""From a proposal to a verified repair: policy, signatures, execution, verification."""
