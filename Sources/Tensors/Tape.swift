import Synchronization

/// How computations are remembered, for the thread that asks: a script runs on one thread, and kernels that
/// use more never record.
public enum Tape {
  /// Off inside `withoutGradients`.
  public static var gradientsEnabled: Bool { ThreadState.current.pointee.gradientsEnabled }
  /// On while a graph is captured: every op is remembered, wanted or not.
  public static var isCapturing: Bool { ThreadState.current.pointee.isCapturing }
  /// On while a forward pass is repeated for its gradients: what it changed the first time (running statistics)
  /// must not change again.
  public static var isRecomputing: Bool { ThreadState.current.pointee.isRecomputing }
  /// Path of the module that is running, for node names and messages.
  public static var scope: String {
    get { ThreadState.current.pointee.scope }
    set { ThreadState.current.pointee.scope = newValue }
  }

  public static func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = setGradientsEnabled(false)
    defer { setGradientsEnabled(before) }
    return try body()
  }

  public static func withGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = setGradientsEnabled(true)
    defer { setGradientsEnabled(before) }
    return try body()
  }

  static func recomputing<Result>(_ body: () throws -> Result) rethrows -> Result {
    let state = ThreadState.current
    let before = state.pointee.isRecomputing
    state.pointee.isRecomputing = true
    defer { state.pointee.isRecomputing = before }
    return try body()
  }

  /// - Parameter onRead: told of every tensor whose values leave the record, see `noteRead`.
  public static func capturing<Result>(onRead: ((Tensor) -> Void)? = nil, _ body: () throws -> Result)
    rethrows
    -> Result
  {
    let state = ThreadState.current
    let before = (state.pointee.isCapturing, state.pointee.onRead)
    (state.pointee.isCapturing, state.pointee.onRead) = (true, onRead)
    defer { (state.pointee.isCapturing, state.pointee.onRead) = before }
    return try body()
  }

  /// To be called where the values of a tensor go to code that no record sees, such as a script's own control flow.
  public static func noteRead(_ tensor: Tensor) {
    let state = ThreadState.current
    if state.pointee.isCapturing { state.pointee.onRead?(tensor) }
  }

  /// For a caller whose block ends elsewhere, such as a script. Returns what it was before.
  @discardableResult
  public static func setGradientsEnabled(_ enabled: Bool) -> Bool {
    let state = ThreadState.current
    defer { state.pointee.gradientsEnabled = enabled }
    return state.pointee.gradientsEnabled
  }
}

/// When something happened to a tensor, in the order of the whole process: an op recorded, bytes changed in place.
enum Moment {
  private static let latest = Atomic(0)

  static func next() -> Int { latest.add(1, ordering: .relaxed).newValue }
}

extension Tensor {
  /// Whether its bytes were changed in place since an op computed them, or those that the op read.
  public var wasOverwritten: Bool {
    guard let origin else { return false }
    return storage.changed > origin.moment || origin.inputs.contains { $0.storage.changed > origin.moment }
  }
}

/// How a tensor was computed.
public final class Origin {
  public let op: any Op
  @exclusivity(unchecked)
  public private(set) var inputs: [Tensor]
  /// Path of the module that applied the op; "" outside of modules.
  public let scope: String
  let wantsGradient: Bool
  /// In which the op ran.
  let precision: Precision
  /// Later than that of every input.
  let moment: Int
  /// What a backward pass under way has collected for the tensor, and whether it may add to it in place.
  @exclusivity(unchecked)
  var gradient: (sum: Tensor, owned: Bool)?
  @exclusivity(unchecked)
  private var saved: [Tensor]
  private let result: Tensor?
  @exclusivity(unchecked)
  private(set) var isSpent = false

  init(op: any Op, inputs: [Tensor], saved: [Tensor], output: Tensor, wantsGradient: Bool) {
    self.op = op
    self.inputs = inputs
    self.saved = saved
    self.wantsGradient = wantsGradient
    scope = Tape.scope
    precision = Precision.current
    moment = Moment.next()
    result = wantsGradient && op.keepsOutput ? output.detached() : nil
  }

  /// What the backward pass of the op reads. Throws where an input was overwritten since.
  func record() throws -> Record {
    if isSpent {
      throw AutogradError(
        "backward: the record of '\(op.name)' was already used and freed by an earlier backward; "
          + "compute the loss again, or call loss:backward{retain = true} the first time")
    }
    for input in inputs { try requireUnchanged(input) }
    if let result { try requireUnchanged(result) }
    return Record(inputs: inputs, saved: saved, needs: Needs(of: inputs), output: result)
  }

  private func requireUnchanged(_ read: Tensor) throws {
    guard read.storage.changed > moment else { return }
    throw AutogradError(
      "backward: a tensor \(read.shape) that the gradient of '\(op.name)' needs was changed in place after it was used; "
        + "use the form that returns a new tensor, or detach() it first")
  }

  /// Frees what only the backward pass needed. The inputs stay known to `release` alone.
  func spend() {
    isSpent = true
    saved = []
    release()
  }

  deinit { release() }

  /// Lets go of the inputs one by one: a long chain freed recursively would overflow the stack.
  private func release() {
    var pending = inputs
    inputs = []
    while var tensor = pending.popLast() {
      guard isKnownUniquelyReferenced(&tensor), var origin = tensor.origin else { continue }
      tensor.origin = nil
      guard isKnownUniquelyReferenced(&origin) else { continue }
      pending += origin.inputs
      origin.inputs = []
    }
  }
}
