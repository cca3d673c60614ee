import { oneOf, type Reader } from '@hongbao/core/internal'

/** The SQL of the database: `'mysql'` is MySQL 8 or later, or MariaDB 10.6 or later. */
export type SqlDialect = 'mysql' | 'postgres'

export const readDialect: Reader<SqlDialect> = oneOf('mysql', 'postgres')
