"""From a webhook body to stored alerts and open incidents. After `parse`, nothing knows which source it was."""
