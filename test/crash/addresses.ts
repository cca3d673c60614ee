/** Where the servers of a trial are. Postgres always runs: the effects stand in it. */
export interface Addresses {
  readonly postgresUrl: string
  /** 0 if no Redis runs. */
  readonly redisPort: number
  /** Empty if no MariaDB runs. */
  readonly mariadbUrl: string
}
