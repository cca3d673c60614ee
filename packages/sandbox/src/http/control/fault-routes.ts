import { Hono } from 'hono'
import type { FaultKind } from '../../faults/fault-kind.ts'
import { isSpent, type ActiveFault, type Faults } from '../../faults/faults.ts'
import type { FaultView } from './types.ts'
import { readFields } from './fields.ts'
import { quote, Refusal } from '../../errors.ts'

/** `/faults` */
export function faultRoutes(faults: Faults): Hono {
  return new Hono()
    .get('/', (c) => c.json({ data: inForce(faults).map(viewFault) }))
    .post('/', async (c) => {
      const { kind, ...rule } = await readFields(c.req)
      const times = rule['times'] === 'always' ? Infinity : rule['times']
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `add` checks kind and rule
      return c.json(viewFault(faults.add(kind as FaultKind, { ...rule, times } as object)), 201)
    })
    .delete('/', (c) => {
      const removed = inForce(faults).length
      faults.clear()
      return c.json({ removed })
    })
    .delete('/:id', (c) => {
      const id = c.req.param('id')
      if (faults.remove(id)) return c.json({ removed: 1 })
      throw new Refusal('fault-unknown', { asked: quote(id) })
    })
}

/** Those that have not fired as often as they may. */
export function inForce(faults: Faults): readonly ActiveFault[] {
  return faults.list().filter((fault) => !isSpent(fault))
}

function viewFault({ times, ...fault }: ActiveFault): FaultView {
  if (times === undefined) return fault
  return { ...fault, times: times === Infinity ? 'always' : times }
}
