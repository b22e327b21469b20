// Package page is the web page that shows executions. [New] returns it as an [http.Handler]: the
// page itself, which is embedded and asks nothing of any other server, and what it reads and does,
// as JSON below /ui/. It reads executions from a [Source] and changes them by [Actions]; what it
// shows of one is computed by package view.
//
// # What it refuses
//
// The page shows payloads and acts with the rights of whoever started it, so it must not do so for
// other pages that the same browser shows, nor for names that lead to this machine:
//
//   - A request is for an address of loopback, or for localhost, whatever it is sent to; a name of
//     the public DNS that leads here is refused (DNS rebinding).
//   - A browser says from where a request comes (Sec-Fetch-Site, Origin): one of another page is
//     refused.
//   - What is read needs a cookie that the page was given and that no other site is sent along with
//     (SameSite=Strict); what changes something also needs the token that stands in the page, in a
//     header that no form can send.
//   - The page runs no script but its own and talks to no other server (Content-Security-Policy).
//     Names and payloads are text for it, never HTML.
package page
