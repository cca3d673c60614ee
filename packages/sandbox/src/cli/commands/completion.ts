import { command, flagOf } from '../command.ts'
import type { Argument, Command, Commands, Options } from '../command.ts'
import { WEBHOOK_TYPES } from '../changes.ts'
import { COMMANDS, commandsOf, GLOBAL_OPTIONS } from '../commands.ts'

/** Each asks `completion <shell> -- <words…>` what the last word can become. Without an answer, files are completed. */
const BASH = `_hongbao_sandbox() {
  COMPREPLY=($("\${COMP_WORDS[0]}" completion bash -- "\${COMP_WORDS[@]:1:$COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _hongbao_sandbox hongbao-sandbox`

const SHELLS = ['bash', 'zsh', 'fish'] as const

const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], string>> = {
  bash: BASH,
  zsh: `autoload -U +X bashcompinit && bashcompinit\n${BASH}`,
  fish: `function __hongbao_sandbox
  set -l typed (commandline -opc)
  $typed[1] completion fish -- $typed[2..] "$(commandline -ct)" 2>/dev/null
end
complete -c hongbao-sandbox -f -a '(__hongbao_sandbox)'
complete -c hongbao-sandbox -n 'test -z "$(__hongbao_sandbox)"' -F`,
}

/** Prints a script for a shell, or what the last of some words can become. It needs no sandbox. */
export const commands: Commands = {
  completion: command(
    [{ name: '<shell>', choices: SHELLS }, '[words...]'],
    {},
    async ({ output, texts }, _options, given, ...words) => {
      if (words.length > 0) {
        const typed = words.map((word = '') => word)
        const following = await wordsAfter(typed.slice(0, -1))
        for (const word of following) {
          if (word.startsWith(typed.at(-1) ?? '')) output.result({ word }, word)
        }
        return
      }
      const shell = SHELLS.find((each) => each === given) ?? 'bash'
      const script = SCRIPTS[shell]
      output.result({ shell, script }, script)
      output.note(texts(`install.${shell}`))
    },
  ),
}

async function wordsAfter(typed: readonly string[]): Promise<readonly string[]> {
  const name = typed.find((word) => COMMANDS.has(word))
  const found = name === undefined ? new Map<string, Command>() : await commandsOf(name)
  const part = typed.find((word) => found.has(`${name} ${word}`))
  const shown = found.get(part === undefined ? `${name}` : `${name} ${part}`)
  const options: Options = { ...GLOBAL_OPTIONS, ...shown?.options }
  const before = Object.entries(options).find(([option]) => flagOf(option) === typed.at(-1))?.[1]
  if (before?.value !== undefined) return choicesOf({ ...before, name: before.value })
  const parts = Array.from(found.keys(), (path) => path.split(' ').slice(1).join(' '))
  const names = name === undefined ? [...COMMANDS.keys()] : parts
  const words = shown === undefined ? names : shown.args.flatMap(choicesOf)
  return [...words, ...Object.keys(options).map(flagOf)]
}

/** What a word is chosen from, as far as the command line knows it. */
function choicesOf({ name, choices }: Argument): readonly string[] {
  if (choices !== undefined) return choices
  if (/^[<[]type[>\]]$/.test(name)) return WEBHOOK_TYPES
  return name === '<id>' ? ['last'] : []
}
