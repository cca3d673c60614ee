import { readTable as readInboxTable, type InboxTable } from '@hongbao/core/internal'
import type { SqlDialect } from './dialect.ts'

export function readTable(dialect: SqlDialect, table: string | undefined): InboxTable {
  return readInboxTable(table, 'created_at', dialect === 'mysql' ? '`' : '"')
}
