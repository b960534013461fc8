"""Mail: letters to members, recorded in the transaction of what caused them and sent after its commit.

Other features call `outbox.send` and write a template; nothing is mailed that did not commit. The table is
the truth, the queue the doorbell; the postman delivers at least once, by SMTP. Without MSIDP_SMTP_URL mails
stay in the development inbox. Neighbours: vault seals the letters, communities lend their names.
"""
