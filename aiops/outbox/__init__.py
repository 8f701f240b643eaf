"""Messages, born in the transaction of their fact and delivered by lanes that fail one by one."""
