import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { controlsTransaction } from '../src/transaction/transaction-control.ts'
import { openPostgres, type Opened } from './opened.ts'

let opened: Opened
let client: Client

beforeAll(async () => {
  opened = await openPostgres()
  client = new Client({ connectionString: opened.server.url })
  await client.connect()
})

afterAll(async () => {
  await client.end()
  await opened.close()
})

/** Whether Postgres is in another transaction after the text, or in none. */
async function isLeftBy(text: string): Promise<boolean> {
  await client.query('begin; savepoint a')
  const { rows } = await client.query('select pg_current_xact_id()::text as xid')
  await client.query(text)
  const now = await client.query('select pg_current_xact_id_if_assigned()::text as xid')
  await client.query('rollback')
  return rows[0]?.xid !== now.rows[0]?.xid
}

describe('SQL that ends the transaction in Postgres', () => {
  it.each([
    'commit',
    'COMMIT;',
    ' \t\r\n end',
    'END TRANSACTION',
    'rollback',
    'rollback work',
    'abort',
    'commit and chain',
    '; commit',
    ';; ; abort',
    '-- done\ncommit',
    '-- done\rcommit',
    '/* done */ commit',
    '/* do/* ne */ */ ; commit',
    '/**/commit',
    'select 1; commit',
    'select 1;commit; select 2',
    'select 1;\n-- so far\nrollback; begin',
    'rollback to a; end',
    `select 'it''s'; commit`,
    `select 'C:\\'; commit`,
    `select e'it\\'s'; commit`,
    `select E'it''s \\\\'; commit`,
    `select 1 as "a""b"; commit`,
    'select $$;$$; commit',
    'select $a$; $A$; $$; $a$; commit',
    'select 1 as a$$; commit; select 2 as b$$',
    'select 1 as é$a$; commit; select 2 as b$a$',
    `select 1 as e; commit; select 'e'`,
    'do $$ begin null; end $$; commit',
    'select case when true then 1 end; commit',
    'select 1 --; select\n; commit',
    'select 1 /* ; */; commit',
    'select 1 - -1 /2 * 3; commit',
    // A text is continued on the next line, with its escapes (Postgres documentation, 4.1.2.1).
    `select e'a'\n'b\\''; commit; select 'c'`,
    `select e'a' -- b\n\r\t 'c\\''; commit; select 'd'`,
    `select e'a'\n-- b'\n  -- c\n'd\\''; commit --'`,
    'select begin atomic from (select 1 as begin) a; end',
    'create table committed as select begin atomic from (select 1 as begin) a; end',
  ])('is found: %j', async (text) => {
    expect(await isLeftBy(text)).toBe(true)
    expect(controlsTransaction(text)).toBe(true)
  })
})

describe('SQL that does not end the transaction', () => {
  it.each([
    'select 1',
    '',
    ';',
    'savepoint b',
    'rollback to a',
    'ROLLBACK TO SAVEPOINT a',
    'rollback work to a',
    'rollback  transaction  to savepoint a; select 1',
    'select 1 as commit',
    'select 1 as "commit; commit"',
    'select 1 as "a""; commit"',
    `select '; commit'`,
    `select 'it''s; commit'`,
    `select e'it\\'; commit'`,
    `select E'it''s \\'; commit'`,
    `select U&'\\0061; commit'`,
    `select e'it'\n'\\'s; commit'`,
    `select e'it' -- ' ; commit\n'\\'s; commit'`,
    `select '; commit' || $$; commit$$`,
    'select $$; commit$$',
    'select $a$; commit; $A$; commit; $$; commit $a$',
    'select $é$; commit $é$',
    'do $$ begin null; end $$',
    'do $do$ begin perform 1; end; $do$ language plpgsql',
    'select case when true then 1 end',
    'select 1 -- ; commit',
    'select 1 /* ; commit */',
    '/* /* ; */ ; commit */ select 1',
    '-- ; commit\n select 1',
    'create table endings (beginning int); insert into endings values (1); drop table endings',
  ])('is not mistaken for SQL that does: %j', async (text) => {
    expect(await isLeftBy(text)).toBe(false)
    expect(controlsTransaction(text)).toBe(false)
  })

  // From Postgres 14 on.
  it('may have an END of its own, in the body of a function', () => {
    const text = 'create function one() returns int begin atomic select 1; end'
    expect(controlsTransaction(text)).toBe(false)
  })

  it.each(['commit', 'rollback', 'abort', `prepare transaction 'later'`])(
    'does not hide %s after the body of a function',
    (control) => {
      const body = 'create function one() returns int begin atomic select 1; select 2; END'
      expect(controlsTransaction(`${body}; insert into a values (1); ${control}`)).toBe(true)
      expect(controlsTransaction(`${body}; insert into a values (1)`)).toBe(false)
    },
  )

  const ONE = 'create or replace function one() returns int'
  it.each([
    `${ONE} begin atomic end`,
    `${ONE} begin/**/atomic ; ; end`,
    `${ONE} begin atomic select case when true then 1 end; end`,
    `${ONE} begin atomic select 1; end; ${ONE} begin atomic select 1; select 2; end; select 1`,
    `CREATE PROCEDURE one(begin int) BEGIN ATOMIC INSERT INTO a VALUES (1); END`,
  ])('does not contain the statements of a function body: %j', (text) => {
    expect(controlsTransaction(text)).toBe(false)
    for (const control of ['end', 'begin', 'start transaction', 'commit'])
      expect(controlsTransaction(`${text}; ${control}`)).toBe(true)
  })

  it.each([
    'create function one(begin atomic) returns int',
    'create function one(in begin atomic, a int) returns int',
    'create function one(begin atomic = 1) returns int',
    'create function one(begin atomic default 1) returns int',
    'create function one(begin atomic[]) returns int',
    'create function one() returns table (begin atomic)',
  ])('is not hidden by a parameter that is named like the start of a body: %j', (text) => {
    expect(controlsTransaction(`${text} language sql as 'select 1'; end`)).toBe(true)
  })

  it.each(['commitment', 'endless', 'beginning', 'aborted', 'rollbacks', 'prepare a as select 1'])(
    'may begin with another word: %j',
    (text) => expect(controlsTransaction(text)).toBe(false),
  )

  it.each([
    '/* ; commit',
    `select '; commit`,
    `select e'; commit\\'`,
    'select "; commit',
    'select $a$; commit; $b$',
    '-- commit',
  ])('may have a quote or comment that is never closed: %j', (text) => {
    expect(controlsTransaction(text)).toBe(false)
  })
})

describe('SQL that begins a transaction, or prepares to end it', () => {
  it.each([
    'begin',
    'BEGIN ISOLATION LEVEL SERIALIZABLE',
    'select 1; begin',
    'start  transaction',
    '/* anew */ start\ntransaction read only',
    `prepare transaction 'later'`,
  ])('is found: %j', (text) => {
    expect(controlsTransaction(text)).toBe(true)
  })
})

// The first ones took a time that doubled with each comment.
describe('SQL of any length', () => {
  it.each([
    ['comments, and then another word', '/**/'.repeat(10_000) + 'commitment', false],
    ['comments, and then COMMIT', '/**/ -- a\n ;'.repeat(10_000) + 'commit', true],
    ['comments inside of each other', '/*'.repeat(10_000) + '*/'.repeat(10_000) + 'end', true],
    ['comments that are never closed', 'commitment' + '/*'.repeat(100_000), false],
    ['dollars that are never closed', 'commitment' + ' $a$ $b$'.repeat(100_000), false],
    ['a quoted text', `commitment e'${`\\'`.repeat(1_000_000)}'; end`, true],
    ['blanks', `commitment ${' '.repeat(1_000_000)}; start ${' '.repeat(1_000_000)}`, false],
    ['statements', 'select 1; '.repeat(100_000) + 'commit', true],
    ['a quoted text with few escapes', `commitment e'${'ab'.repeat(25_000_000)}'; end`, true],
    ['a text that is continued', `commitment e'a'${`\n'\\''`.repeat(100_000)}; end`, true],
    ['lines after a text', `commitment e'a'${'\n-- -- --'.repeat(100_000)}\n; end`, true],
    ['functions', 'create function a() begin atomic '.repeat(100_000) + '; end; end', true],
  ])('is read to its end: %s', (_, text, expected) => {
    expect(controlsTransaction(text)).toBe(expected)
  })
})
