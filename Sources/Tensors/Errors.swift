/// An operation was given shapes, types or values it cannot work with.
public struct ShapeError: Error, CustomStringConvertible {
  public let function: String
  public let problem: String

  public init(_ function: String, _ problem: String) {
    self.function = function
    self.problem = problem
  }

  public var description: String { "\(function): \(problem)" }
}

/// Memory for a tensor could not be had.
public struct OutOfMemory: Error, CustomStringConvertible {
  public let byteCount: Int

  public var description: String {
    let gib = Double(byteCount) / 1_073_741_824
    return "out of memory: a tensor of \((gib * 100).rounded() / 100) GiB does not fit on this machine"
  }
}

/// The record of computations was used in a way that cannot give a gradient.
public struct AutogradError: Error, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}

/// Refuses with `problem` unless `condition` holds.
@inline(__always)
public func require(_ condition: Bool, _ function: String, _ problem: @autoclosure () -> String) throws {
  if !condition { throw ShapeError(function, problem()) }
}
