import { render } from 'preact'
import { App } from './app.tsx'
import { listenToKeys } from './keys.ts'
import { keepPageLanguage } from './language.ts'
import { start } from './store.ts'

keepPageLanguage()
listenToKeys()
start()
render(<App />, document.body)
