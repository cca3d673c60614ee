import type { StateView } from '../../http/control/types.ts'
import { command, type Command } from '../command.ts'

export const reset: Command = command({
  async run({ control, output, texts }) {
    const state = await control.post<StateView>('/reset')
    output.result(state, state.clock.now)
    output.note(texts('wasReset'))
  },
})
