"""What the gateway decides, without sockets, threads or HTTP: data in, decisions out."""
