"""What a newcomer needs instead of servers: Postgres from a wheel, a broker in the process, and what uses both: `saga dev`, `saga demo`.

    postgres     a server of our own on loopback; ends with its parent, however that ends
    broker       librdkafka's mock cluster: speaks Kafka, lives in memory, knows no transactions
    kafka        a real Apache Kafka in KRaft mode, for tests and for what the mock cannot do (Java, and once Maven)
    permission   all of it is refused where SAGA_ENV is production
    processes    children with an environment and a log each, gone when their parent is gone
    dev          servers, a coordinator and one's own services, for as long as one develops
      home         its data directory and the lock on it      team        its children, replaced together
      loading      definitions loaded in a process apart      watching    which files, and have they changed
      reloading    loaded without a fault -> the old drain, new ones start; else nothing is touched
    demo         orders through an application's services while the coordinator is killed, and the check of the ledgers
    application  what an application brings to its demonstration
    report       the table for people, the JSON line for machines

For development only. The same aiokafka and asyncpg code talks to these and to production's servers.

What `saga dev` survives: Postgres is kept in its directory. The broker in the process is memory only: after a restart a running saga
waits for the deadline of its step, then its command is sent again with the same id, and a participant that had done it gives its first
answer again. Records that start sagas and were not read yet are lost. `--real-kafka` keeps its log in the directory as well. Nothing
outlives a killed `saga dev`: children die with it (PR_SET_PDEATHSIG), servers when their pipe closes.

Why a reload is a fresh process and not an import again: definitions are values that other modules hold, and what an import leaves behind
cannot be taken back. Why everything is replaced, not only what changed: services and definitions share their messages.

Why a graph that changed under a known version is a fault there: the coordinator would refuse to start, and with reason, for sagas follow
that version. `saga dev --fresh` forgets them.

Why embedded servers are refused by name: a Postgres says `saga-embedded` as its cluster_name, a broker gives itself away by its cluster
id (`mockCluster...`, `saga-embedded-...`). Somebody else's single broker on a laptop cannot be told from a cluster; `saga doctor` counts
brokers and looks at fsync.

Why the demonstration finds its application by name: the coordinator knows nothing of orders; whoever replaces the reference services
brings a module of their own and keeps everything else.

Why its figures come from the services' tables: a coordinator that had lost or doubled an order would be the last one to know.
"""
