// Your own inbox, in a file of SQLite, for `createWebhooks({ publicKey, inbox })`. What it promises: in
// one process, never two runs of an event at a time, and for 48 h none after it was applied, after a
// restart either. If the process dies, or the file cannot be written, between the effect and the
// record, the event runs again: make handlers idempotent.
import type { Inbox } from '@hongbao/core'
import { DatabaseSync } from 'node:sqlite'

const database = new DatabaseSync(process.env['INBOX_PATH'] ?? 'inbox.db')
database.exec('create table if not exists applied (key text primary key, second integer not null)')
const find = database.prepare('select 1 from applied where key = ?')
const record = database.prepare('insert into applied values (?, unixepoch())')
const forget = database.prepare('delete from applied where second < unixepoch() - ?')
const running = new Set<string>()

export const inbox: Inbox = {
  retentionSeconds: 48 * 60 * 60, // Ping++ sends again for 24 h 47 min
  async admit(key, work) {
    if (running.has(key)) return 'busy'
    if (find.get(key)) return 'duplicate'
    running.add(key)
    try {
      await work({})
      record.run(key)
      forget.run(inbox.retentionSeconds)
      return 'applied'
    } finally {
      running.delete(key)
    }
  },
}
