"""What a newcomer needs instead of servers: Postgres from a wheel, a broker in the process, and the demonstration that uses both.

    postgres     a server of our own on loopback; ends with its parent, however that ends
    broker       librdkafka's mock cluster: speaks Kafka, lives in memory, knows no transactions
    kafka        a real Apache Kafka in KRaft mode, for tests and for what the mock cannot do (Java, and once Maven)
    permission   all of it is refused where SAGA_ENV is production
    processes    children with an environment and a log each, gone when their parent is gone
    demo         orders through an application's services while the coordinator is killed, and the check of the ledgers
    application  what an application brings to its demonstration
    report       the table for people, the JSON line for machines

For development only. The same aiokafka and asyncpg code talks to these and to production's servers.

Why the demonstration finds its application by name: the coordinator knows nothing of orders; whoever replaces the reference services
brings a module of their own and keeps everything else.

Why its figures come from the services' tables: a coordinator that had lost or doubled an order would be the last one to know.
"""
