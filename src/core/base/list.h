// Intrusive doubly linked list. A node unlinks itself in its destructor; the list owns nothing.
#pragma once

#include <cstddef>

namespace sluice {

/// Base of anything that stands in at most one List per `Tag`.
template <class Tag = void>
class ListNode {
 public:
    ListNode() = default;
    ListNode(const ListNode&) = delete;
    ListNode& operator=(const ListNode&) = delete;
    ~ListNode() { unlink(); }

    bool is_linked() const { return next_ != nullptr; }
    void unlink() {
        if (next_ == nullptr) return;
        next_->previous_ = previous_;
        previous_->next_ = next_;
        next_ = previous_ = nullptr;
    }

 private:
    template <class, class>
    friend class List;
    ListNode* next_ = nullptr;
    ListNode* previous_ = nullptr;
};

/// A list of T, where T derives from ListNode<Tag>. Elements must outlive their membership, not the list.
template <class T, class Tag = void>
class List {
    using Node = ListNode<Tag>;

 public:
    class Iterator {
     public:
        explicit Iterator(Node* node) : node_(node) {}
        T& operator*() const { return static_cast<T&>(*node_); }
        T* operator->() const { return static_cast<T*>(node_); }
        Iterator& operator++() {
            node_ = node_->next_;
            return *this;
        }
        bool operator==(const Iterator&) const = default;

     private:
        Node* node_;
    };

    List() { head_.next_ = head_.previous_ = &head_; }
    List(const List&) = delete;
    List& operator=(const List&) = delete;
    ~List() {
        while (!empty()) head_.next_->unlink();
        head_.next_ = head_.previous_ = nullptr;
    }

    bool empty() const { return head_.next_ == &head_; }
    /// First and last element; only when not empty().
    T& front() { return static_cast<T&>(*head_.next_); }
    const T& front() const { return static_cast<const T&>(*head_.next_); }
    T& back() { return static_cast<T&>(*head_.previous_); }

    /// An element that stands in this or another list moves.
    void push_back(T& element) {
        static_cast<Node&>(element).unlink();  // first: it may be the last one itself
        insert(*head_.previous_, element, head_);
    }
    void push_front(T& element) {
        static_cast<Node&>(element).unlink();
        insert(head_, element, *head_.next_);
    }
    /// Takes the first element out; nullptr when empty.
    T* pop_front() {
        if (empty()) return nullptr;
        T& first = front();
        static_cast<Node&>(first).unlink();
        return &first;
    }

    Iterator begin() { return Iterator(head_.next_); }
    Iterator end() { return Iterator(&head_); }

 private:
    void insert(Node& before, Node& element, Node& after) {
        element.previous_ = &before;
        element.next_ = &after;
        before.next_ = after.previous_ = &element;
    }

    Node head_;
};

}  // namespace sluice
