import { oneOf, wrong, type Reader } from '@hongbao/core/internal'

/** The SQL of the database: `'mysql'` is MySQL 8 or later, or MariaDB 10.6 or later. */
export type SqlDialect = 'mysql' | 'postgres'

export const readDialect: Reader<SqlDialect> = oneOf('mysql', 'postgres')

/** What ORMs call the databases that the inbox knows. */
const DIALECTS: Readonly<Record<string, SqlDialect>> = {
  mysql: 'mysql',
  mariadb: 'mysql',
  'aurora-mysql': 'mysql',
  postgres: 'postgres',
  postgresql: 'postgres',
  'aurora-postgres': 'postgres',
}

/** @throws OptionError if the ORM of the option is connected to another database */
export function dialectOf(option: string, name: string): SqlDialect {
  const dialect = DIALECTS[name]
  if (dialect === undefined) throw wrong(option, 'connected to MySQL, MariaDB or Postgres')
  return dialect
}
