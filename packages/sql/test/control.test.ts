import { describe, expect, it } from 'vitest'
import { endsTransaction } from '../src/control.ts'
import type { SqlDialect } from '../src/index.ts'

const BOTH = ['mysql', 'postgres'] as const

const ENDING: readonly (readonly [SqlDialect, string])[] = [
  ...BOTH.flatMap((dialect) =>
    [
      'commit',
      ' Rollback Work',
      '/* app:orders */ commit',
      '-- done\nCOMMIT',
      "insert into orders values ('a'); commit",
      "insert into orders values ('it''s'); commit;",
    ].map((sql) => [dialect, sql] as const),
  ),
  ['mysql', '# done\ntruncate orders'],
  ['mysql', '/*! commit */'],
  ['mysql', '/*!50000 drop table orders */'],
  ['mysql', '/*M! commit */'],
  ['mysql', String.raw`insert into orders values ('\''); commit`],
  ['mysql', 'insert into `a;b` values (1); alter table orders comment = "x"'],
  ['postgres', 'end'],
  ['postgres', String.raw`insert into orders values ('C:\'); abort`],
  ['postgres', String.raw`insert into orders values (E'\''); commit`],
  ['postgres', 'do $f$ begin null; end $f$; commit'],
]

const STAYING: readonly (readonly [SqlDialect, string])[] = [
  ...BOTH.flatMap((dialect) =>
    [
      "insert into notes values ('x; commit')",
      "insert into notes values ('it''s; commit')",
      'select 1 as "a; rollback"',
      'select 1 /* ; commit */',
      'select 1 -- ; commit',
      'rollback to savepoint part',
      'update commits set state = 1',
      'savepoint part',
    ].map((sql) => [dialect, sql] as const),
  ),
  ['mysql', 'select `; commit` from orders # ; commit'],
  ['mysql', 'create temporary table staged (id int)'],
  ['mysql', String.raw`insert into notes values ('\'; commit')`],
  ['postgres', 'create table staged (id int)'],
  ['postgres', 'do $$ begin null; end $$'],
  ['postgres', 'do $f$ begin execute $g$; commit$g$; end $f$'],
  ['postgres', String.raw`insert into notes values ('C:\', '; commit')`],
]

describe('a statement of a handler', () => {
  it.each(ENDING)(
    'on %s ends the transaction, and so is refused: %s [E79, E82]',
    (dialect, sql) => {
      expect(endsTransaction(dialect, sql)).toBe(true)
    },
  )

  it.each(STAYING)('on %s stays in the transaction: %s', (dialect, sql) => {
    expect(endsTransaction(dialect, sql)).toBe(false)
  })

  it('is read in a time that is proportional to its length, however it is quoted', () => {
    for (const dialect of BOTH) {
      for (const part of ["'", '"', '`', '/*', '$a$', "\\'"]) {
        expect(endsTransaction(dialect, part.repeat(20_000))).toBe(false)
      }
    }
  })
})
