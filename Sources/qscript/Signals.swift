import Foundation
import LuaHost

/// A closed pipe is then an error of the write, which ends the script in order. A handler rather than
/// `SIG_IGN`, which the programs a script starts would inherit.
func quietBrokenPipes() {
  var action = sigaction()
  action.__sigaction_handler.sa_handler = { _ in }
  action.sa_flags = SA_RESTART
  sigaction(SIGPIPE, &action, nil)
}

extension LuaVM {
  /// Ctrl-C and a request to terminate stop the script in order, with its run finalised. The second one has
  /// its default effect: it kills at once.
  func stopOnSignals() {
    interrupt(on: SIGINT)
    interrupt(on: SIGTERM)
  }
}
