import type { Command } from 'commander'
import type { OpenSession } from '../session.ts'

export function addEnvelopes(program: Command, open: OpenSession): void {
  const envelopes = program.command('envelopes').description('the red envelopes')

  envelopes
    .command('move')
    .description('change the status of an envelope: sent, received, failed, refunding, refund')
    .argument('<envelope>', 'its id or order number')
    .argument('<status>', 'its new status')
    .action(async (envelope: string, status: string) => {
      const { control, output } = open()
      const path = `/envelopes/${encodeURIComponent(envelope)}/move`
      const moved = await control.post<{ id: string; status: string }>(path, { status })
      output.result(moved, `${moved.id}  ${moved.status}`)
    })
}
