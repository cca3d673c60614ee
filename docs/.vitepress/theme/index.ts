/// <reference types="vitepress/client" />
import DefaultTheme from 'vitepress/theme-without-fonts'
// oxlint-disable-next-line import/no-unassigned-import -- as Vite wants it
import './style.css'

export default DefaultTheme
