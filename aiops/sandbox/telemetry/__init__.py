"""What can be measured: series, queries, rules and the notifications that follow from them."""
