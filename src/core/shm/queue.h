// Queue: nodes in a zone in order of use, for "least recently used". Intrusive, plain pointers, no destructors.
#pragma once

namespace sluice::shm {

/// Base of what stands in a Queue; `Tag` tells several queues apart.
template <class Tag = void>
struct QueueNode {
    QueueNode* next = nullptr;
    QueueNode* previous = nullptr;

    bool is_linked() const { return next != nullptr; }
};

/// A queue of T, where T derives from QueueNode<Tag>. Lives in the zone; must not be moved once in use.
template <class T, class Tag = void>
class Queue {
    using Node = QueueNode<Tag>;

 public:
    Queue() { head_.next = head_.previous = &head_; }
    Queue(const Queue&) = delete;

    bool empty() const { return head_.next == &head_; }
    /// The most and the least recently pushed; null when empty.
    T* newest() { return empty() ? nullptr : static_cast<T*>(head_.next); }
    T* oldest() { return empty() ? nullptr : static_cast<T*>(head_.previous); }
    /// The one pushed next after `node`, or null.
    T* newer(T& node) {
        Node* found = static_cast<Node&>(node).previous;
        return found != &head_ ? static_cast<T*>(found) : nullptr;
    }

    void push(T& element) {
        Node& node = element;
        remove(element);
        node.next = head_.next;
        node.previous = &head_;
        head_.next->previous = &node;
        head_.next = &node;
    }
    /// push() again: now the most recently used.
    void touch(T& element) { push(element); }
    static void remove(T& element) {
        Node& node = element;
        if (node.next == nullptr) return;
        node.next->previous = node.previous;
        node.previous->next = node.next;
        node.next = node.previous = nullptr;
    }

 private:
    Node head_;
};

}  // namespace sluice::shm
