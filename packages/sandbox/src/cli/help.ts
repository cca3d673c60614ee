import { flagOf, UnknownName, type Command, type Group, type Options } from './command.ts'
import { describeTerms } from './columns.ts'
import { COMMANDS } from './commands.ts'
import { formatDuration } from '../clock/duration.ts'
import { GLOBAL_OPTIONS } from './global-options.ts'
import { loadHelp, type HelpTexts, type Language } from './texts/texts.ts'

/**
 * The help of the program, of a group, or of a command.
 *
 * @throws UnknownName
 */
export async function writeHelp(
  path: readonly string[],
  language: Language,
  columns: number,
): Promise<string> {
  const texts = await loadHelp(language)
  const [name, part] = path
  const list = (terms: readonly (readonly [string, string])[]) =>
    describeTerms(
      terms.map(([term, about]) => [`  ${term}`, about]),
      columns,
    )
  if (name === undefined) {
    const commands = [...COMMANDS.keys()].map((each) => [each, aboutOf(each, texts)] as const)
    const section = (heading: string, terms: readonly (readonly [string, string])[]) =>
      ['', heading, ...list(terms)].join('\n')
    return [
      texts.about,
      '',
      `${texts.usage}hongbao-sandbox [command] [options]`,
      section(texts.commandsHeading, commands),
      section(texts.allOptionsHeading, termsOf('', GLOBAL_OPTIONS, texts)),
      section(texts.statusesHeading, Object.entries(texts.statuses)),
    ].join('\n')
  }
  const found = await COMMANDS.get(name)?.()
  if (found === undefined) throw new UnknownName('command', name, [...COMMANDS.keys()])
  const inner = 'commands' in found && part !== undefined ? found.commands[part] : undefined
  const shown = inner ?? found
  const title = inner === undefined ? name : `${name} ${part}`
  const head = [aboutOf(title, texts), '', `${texts.usage}${usageOf(title, shown)}`]
  if ('commands' in shown) {
    const parts = Object.entries(shown.commands).map(([each, command]) => {
      const words = command.args.map((arg) => ` ${arg.name}`).join('')
      return [`${each}${words}`, aboutOf(`${name} ${each}`, texts)] as const
    })
    return [...head, '', texts.commandsHeading, ...list(parts), '', texts.more(name)].join('\n')
  }
  const choices = shown.args.flatMap((arg) =>
    arg.choices === undefined ? [] : [[arg.name, arg.choices.join(', ')] as const],
  )
  const own = list([...choices, ...termsOf(title, shown.options, texts)])
  const options = own.length === 0 ? [] : ['', texts.optionsHeading, ...own]
  return [...head, ...options, '', texts.moreOptions].join('\n')
}

/** `hongbao-sandbox trigger [type] [options]` */
function usageOf(path: string, shown: Command | Group): string {
  if ('commands' in shown) return `hongbao-sandbox ${path} [command]`
  return ['hongbao-sandbox', path, ...shown.args.map(({ name }) => name), '[options]'].join(' ')
}

function aboutOf(path: string, { commands }: HelpTexts): string {
  return (commands as Readonly<Record<string, string>>)[path] ?? ''
}

function termsOf(path: string, options: Options, texts: HelpTexts): [string, string][] {
  return Object.entries(options).map(([name, { value, choices, initial, expected }]) => {
    const about = optionText(path, name, texts)
    const among = choices === undefined ? [] : [choices.join(', ')]
    const shown = expected === 'duration' ? formatDuration(Number(initial)) : String(initial)
    const otherwise = initial === undefined ? [] : [`${texts.byDefault} ${shown}`]
    const more = [...among, ...otherwise].join('; ')
    const term = value === undefined ? flagOf(name) : `${flagOf(name)} ${value}`
    return [term, more === '' ? about : `${about} (${more})`]
  })
}

/** What an option does; some do another thing in another command. */
function optionText(path: string, name: string, { options }: HelpTexts): string {
  const texts: Readonly<Record<string, string>> = options
  return texts[`${path}.${name}`] ?? texts[name] ?? ''
}
