import Foundation
import LuaHost

/// Makes a closed pipe an error of the write, which ends the script in order, and lets through the signals that
/// stop a script, whatever the process was started with.
func prepareSignals() {
  // A handler rather than `SIG_IGN`, which the programs a script starts would inherit.
  var action = sigaction()
  action.__sigaction_handler.sa_handler = { _ in }
  action.sa_flags = SA_RESTART
  sigaction(SIGPIPE, &action, nil)

  var stopping = sigset_t()
  sigemptyset(&stopping)
  for signal in [SIGINT, SIGTERM, SIGURG] { sigaddset(&stopping, signal) }  // SIGURG: see the bridge's stop.c
  sigprocmask(SIG_UNBLOCK, &stopping, nil)
}

extension LuaVM {
  /// Ctrl-C and a request to terminate stop the script in order, with its run finalised. The second one has
  /// its default effect: it kills at once.
  func stopOnSignals() {
    interrupt(on: SIGINT)
    interrupt(on: SIGTERM)
  }
}
